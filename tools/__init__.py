"""What make needs beside the product: nothing in here is shipped, and no package of ours imports it."""
