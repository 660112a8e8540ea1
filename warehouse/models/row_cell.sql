-- The cells that each row covers; of a team's colleagues in one account each cell is one.
-- Grain: row x cell. Key: both.
SELECT row_no, cell_no FROM roll WHERE kind <> 'team' UNION ALL SELECT DISTINCT row_no, cell_no FROM roll WHERE kind = 'team'
