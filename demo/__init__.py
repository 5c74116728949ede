"""The demonstration: the other packages run one after the other, as a person would run them."""
