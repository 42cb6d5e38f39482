"""What real services, files and clients did: each test is named after the case it stands for."""
