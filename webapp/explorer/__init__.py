"""Where the record and the room of examples meet, for pages and API alike: an experiment's models and a view of them."""
