"""What an experiment found about one pair of models, as sentences, tables and charts: for its page and for shares of it."""
