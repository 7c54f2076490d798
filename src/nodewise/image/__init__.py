"""Images: resampling, connected components, display windows, shape; knows nothing of lymph nodes."""
