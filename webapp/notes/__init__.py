"""Tags and notes about examples, with author and time. They belong to the example, not to an experiment."""
