"""HTTP in: listening, connections and requests within limits, answers as a collector gives them."""
