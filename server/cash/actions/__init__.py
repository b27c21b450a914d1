"""Every change of state that moves money, and WeChat Pay's word on it."""
