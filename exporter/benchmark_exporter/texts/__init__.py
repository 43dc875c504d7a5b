"""The texts of the web pages in each language, and which of them a reader gets."""
