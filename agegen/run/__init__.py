"""What every run needs: its folder and files, configs, devices, processes, the command line."""
