"""The explorer, for pages and API alike: the finished models of an experiment and views of their answers to examples."""
