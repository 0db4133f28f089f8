-- Whether the account of an original androidpn client is kept from logging in. An addition: a program that does not know of it lets such an
-- account in, and makes accounts that are not disabled.

ALTER TABLE androidpn_account ADD COLUMN is_disabled INTEGER NOT NULL DEFAULT 0;
