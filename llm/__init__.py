"""What agents think with: chat models built from one spec string, whoever serves them."""
