"""The shapes of requests and answers, one module per noun; OpenAPI is made from them."""
