"""The generated suites, run on rows that cover every pair or triple of answers."""
