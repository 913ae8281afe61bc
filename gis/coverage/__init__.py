"""Coverage: who is within reach of what, when; pure, without I/O."""
