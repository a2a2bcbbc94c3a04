"""How a template is evaluated for every set of answers at once."""
