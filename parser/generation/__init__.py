"""Generation: random well-typed programs with questions that ask for them, in many wordings."""
