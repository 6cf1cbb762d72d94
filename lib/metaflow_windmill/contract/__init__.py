"""What the compiler promises to the runtime, and the deployment to everybody: plain data, no behaviour."""
