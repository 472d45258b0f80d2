import sys

from beamsession.record.tables.process import main

if __name__ == "__main__":
    main(sys.argv[1:])
