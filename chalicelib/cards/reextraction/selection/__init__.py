"""Which topics a filter means, and what extracting them again would take."""
