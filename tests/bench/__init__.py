"""What showing a dashboard costs: the integration's engine against the classic screen-grabbing pipeline."""
