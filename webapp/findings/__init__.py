"""The findings of an experiment about its pairs of models, as sentences, tables and charts, for its page and its shares."""
