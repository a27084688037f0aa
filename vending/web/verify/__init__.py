"""The pages that check papers, open to everybody: nobody signs in to find out whether his receipt is real."""
