"""Sample images, and the page to ask about them and look inside of the answers."""
