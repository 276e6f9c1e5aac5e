"""The page: a server that takes one's own video, and answers questions about it."""
