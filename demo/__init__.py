"""Sample images and, later, the inspection page."""
