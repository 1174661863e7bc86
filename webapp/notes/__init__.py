"""What people write about examples: tags and notes with author and time. They belong to the example, not to an experiment."""
