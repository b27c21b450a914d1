"""What WeChat's stand-in keeps; opened only where there is one."""
