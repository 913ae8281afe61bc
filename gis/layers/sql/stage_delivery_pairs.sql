-- Which delivered row is which standing row, and by what that was told.
CREATE TEMPORARY TABLE delivery_pairs (
    delivered uuid PRIMARY KEY, standing uuid UNIQUE NOT NULL, how text NOT NULL
) ON COMMIT DROP
