"""The distributed path: jobs on a portable runner land parcels in a shared folder, and ``follow`` commits them."""
