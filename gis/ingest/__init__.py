"""Files into frames that keep a layer's contract, or an error that names row and remedy."""
