"""Make the embedded chess data: games, puzzles and the language models pretrained on the games. README.md has the commands."""
