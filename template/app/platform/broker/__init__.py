"""What differs between the brokers that a queue can use."""
