-- What a flow's parent is told in place of the flow's own result, as JSON text; NULL where it is the same.
ALTER TABLE event ADD COLUMN told TEXT;
