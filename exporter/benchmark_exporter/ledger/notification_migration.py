"""The migrations of received alerts.

NOTIFICATIONS_BOUNDED bounds the alerts that are kept, and the counters of their names:
counters of the names that came first stay. All others are summed up by status, as they were shown.
When the former were last received is not known, so they count as received with the newest alert.
"""

NOTIFICATIONS_BOUNDED = """
    ALTER TABLE notifications ADD COLUMN since_seconds REAL NOT NULL DEFAULT 0;
    ALTER TABLE notifications ADD COLUMN known INTEGER NOT NULL DEFAULT 0;
    UPDATE notifications SET since_seconds = received_seconds;
    CREATE TABLE notification_series (labels TEXT PRIMARY KEY,
        received_seconds REAL NOT NULL) WITHOUT ROWID;
    INSERT INTO notification_series
        SELECT labels, coalesce((SELECT max(received_seconds) FROM notifications), born_seconds)
        FROM counters WHERE name = 'notifications_received' ORDER BY born_seconds, labels LIMIT 200;
    CREATE TABLE temp.others AS
        SELECT json_array('(other)', '(other)', json_extract(labels, '$[2]')) AS labels,
            sum(value) AS value, min(born_seconds) AS born_seconds
        FROM counters WHERE name = 'notifications_received'
        AND labels NOT IN (SELECT labels FROM notification_series) GROUP BY 1;
    DELETE FROM counters WHERE name = 'notifications_received'
        AND labels NOT IN (SELECT labels FROM notification_series);
    INSERT INTO counters (name, labels, value, born_seconds)
        SELECT 'notifications_received', labels, value, born_seconds FROM temp.others;
    DROP TABLE temp.others;
"""

# What an end that was missed is found and sent by.
NOTIFICATIONS_WHOLE = """
    ALTER TABLE notifications ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE notifications ADD COLUMN annotations TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE notifications ADD COLUMN missing_seconds REAL;
"""
