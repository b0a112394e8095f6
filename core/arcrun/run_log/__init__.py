"""Records of runs in Durable Objects: what they are asked, and how their answers become one."""
