"""What is not checked yet or was taken down, reports, and what WeChat pushes about checks."""
