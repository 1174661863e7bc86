"""The result page of an experiment: composed once as plain data, then rendered as a page, one file, a PDF and a card."""
