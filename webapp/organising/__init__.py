"""Projects, tags, favourites and saved views: the order in which people keep experiments. No outcome of a run depends on it."""
