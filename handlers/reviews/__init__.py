"""Contents that are not checked yet or were taken down, reports, and WeChat's pushes about checks."""
