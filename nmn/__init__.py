"""nmn: a neuro-symbolic visual reasoning engine."""
