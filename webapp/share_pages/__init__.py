"""Web pages of shares: behind links and permalinks, embeds, the live socket, and the pages on which shares are made."""
