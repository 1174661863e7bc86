"""Whether an archive is what it says, as far as that can be computed: its files, its plan, and every number in it."""
