"""The neural parser: an encoder-decoder that can only emit well-typed programs."""
