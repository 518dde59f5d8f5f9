"""A Zipline of the tests: its tables as its migrations make them, and some rows that try the formats."""

from datetime import UTC, datetime

# Of version 4: the columns of prisma/migrations/20241228224006_init and of what came later.
SCHEMA_4 = """
CREATE TABLE "User" (id text PRIMARY KEY, username text NOT NULL, token text NOT NULL);
CREATE TABLE "Folder" (id text PRIMARY KEY, "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  name text NOT NULL, public boolean NOT NULL DEFAULT false, "allowUploads" boolean NOT NULL DEFAULT false,
  "parentId" text, "userId" text NOT NULL);
CREATE TABLE "Tag" (id text PRIMARY KEY, name text NOT NULL, color text NOT NULL, "userId" text);
CREATE TABLE "_FileToTag" ("A" text NOT NULL, "B" text NOT NULL, PRIMARY KEY ("A", "B"));
CREATE TABLE "Zipline" (id text PRIMARY KEY, "filesRoute" text NOT NULL DEFAULT '/u');
CREATE TABLE "File" (id text PRIMARY KEY, "createdAt" {moment} NOT NULL, "updatedAt" {moment} NOT NULL,
  "deletesAt" {moment}, name text NOT NULL, "originalName" text, size bigint NOT NULL, type text NOT NULL,
  views integer NOT NULL DEFAULT 0, "maxViews" integer, favorite boolean NOT NULL DEFAULT false, password text,
  anonymous boolean NOT NULL DEFAULT false, "userId" text, "folderId" text);
"""
ROWS_4 = r"""
INSERT INTO "User" VALUES ('u1', 'ann', 'secret'), ('u2', 'bob', 'secret');
INSERT INTO "Folder" (id, name, "userId") VALUES ('d1', E'Sea\tside', 'u1');
INSERT INTO "Tag" VALUES ('t1', 'Cats', '#fff', 'u1'), ('t2', E'a\\b\nc', '#fff', 'u1');
INSERT INTO "_FileToTag" VALUES ('f1', 't1'), ('f1', 't2'), ('f2', 't1');
INSERT INTO "Zipline" VALUES ('z', '/i');
INSERT INTO "File" VALUES
 ('f1', '2023-04-05 06:07:08.910{zone}', now(), '2099-01-01', 'aB3dE.png', E'My \\N "cat"\t☕.png', 1, 'image/png',
  7, NULL, true, NULL, false, 'u1', 'd1'),
 ('f2', '2024-01-01 00:00:00{zone}', now(), NULL, 'bob.png', NULL, 1, 'image/png', 0, NULL, false, NULL, false, 'u2',
  NULL),
 ('f3', '2024-01-02', now(), NULL, 'film.mp4', NULL, 1, 'video/mp4', 0, NULL, false, NULL, false, 'u1', NULL),
 ('f4', '2024-01-03', now(), NULL, 'locked.png', NULL, 1, 'image/png', 0, NULL, false, 'hash', false, 'u1', NULL),
 ('f5', '2024-01-04', now(), NULL, 'once.png', NULL, 1, 'image/png', 0, 1, false, NULL, false, 'u1', NULL),
 ('f6', '2024-01-05', now(), '2024-02-01', 'over.png', NULL, 1, 'image/png', 0, NULL, false, NULL, false, 'u1', NULL),
 ('f7', '2024-01-06', now(), NULL, '../secret.png', NULL, 1, 'image/png', 0, NULL, false, NULL, false, 'u1', NULL),
 ('f8', '2024-01-07', now(), NULL, 'lost.png', NULL, 1, 'image/png', 0, NULL, false, NULL, false, NULL, NULL);
"""

# Of version 3.7.10, prisma/schema.prisma.
SCHEMA_3 = """
CREATE TABLE "User" (id serial PRIMARY KEY, username text NOT NULL, token text NOT NULL);
CREATE TABLE "Folder" (id serial PRIMARY KEY, name text NOT NULL, "userId" integer NOT NULL);
CREATE TABLE "File" (id serial PRIMARY KEY, name text NOT NULL, "originalName" text,
  mimetype text NOT NULL DEFAULT 'image/png', "createdAt" timestamp(3) NOT NULL, size bigint NOT NULL DEFAULT 0,
  "expiresAt" timestamp(3), "maxViews" integer, views integer NOT NULL DEFAULT 0,
  favorite boolean NOT NULL DEFAULT false, embed boolean NOT NULL DEFAULT false, password text, "userId" integer,
  "folderId" integer);
"""
ROWS_3 = """
INSERT INTO "User" VALUES (1, 'ann', 'secret');
INSERT INTO "Folder" VALUES (4, 'Seaside', 1);
INSERT INTO "File" (id, name, "originalName", "createdAt", "expiresAt", favorite, "userId", "folderId") VALUES
 (9, 'aB3dE.png', 'cat.png', '2022-02-03 04:05:06.789', '2099-01-01', true, 1, 4);
"""

# What pg_dump 15 writes of version 4, cut down to what matters, and some that must not be mistaken.
DUMP = r"""--
-- PostgreSQL database dump
--

\restrict 6ZDcAb

SET client_encoding = 'UTF8';

CREATE TABLE public."File" (
    id text NOT NULL
);

COPY public."Export" (id, path) FROM stdin;
COPY public."File" (id, name) FROM stdin;	x
\.

COPY public."File" (id, "createdAt", "deletesAt", name, "originalName", size, type, "maxViews", favorite, password, "userId", "folderId") FROM stdin;
f1	2023-04-05 06:07:08.91	2099-01-01 00:00:00	aB3dE.png	My \\N "cat"\t☕.png	1	image/png	\N	t	\N	u1	d1
f2	2024-01-01 00:00:00	\N	bob.png	\N	1	image/png	\N	f	\N	u2	\N
\.

COPY public."Folder" (id, name, "userId") FROM stdin;
d1	Sea\tside	u1
\.

COPY public."Tag" (id, name, color) FROM stdin;
t1	Cats	#fff
t2	a\\b\nc	#fff
\.

COPY public."User" (id, username) FROM stdin;
u1	ann
u2	bob
\.

COPY public."Zipline" (id, "filesRoute") FROM stdin;
z	/i
\.

COPY public."_FileToTag" ("A", "B") FROM stdin;
f1	t1
f1	t2
\.

\unrestrict 6ZDcAb
"""  # noqa: E501 a row is a line

EXPORT_4 = {
    "versions": {"zipline": "4.4.0", "node": "v22", "export": "4"},
    "request": {"user": "ann:u1"},
    "data": {
        "settings": {"filesRoute": "/i"},
        "users": [{"id": "u1", "username": "ann"}],
        "folders": [{"id": "d1", "name": "Sea\tside", "files": ["f1"], "userId": "u1"}],
        "userTags": [
            {"id": "t1", "name": "Cats", "files": ["f1"]},
            {"id": "t2", "name": "a\\b\nc", "files": ["f1"]},
        ],
        "files": [
            {
                "id": "f1",
                "createdAt": "2023-04-05T06:07:08.910Z",
                "deletesAt": "2099-01-01T00:00:00.000Z",
                "name": "aB3dE.png",
                "originalName": 'My \\N "cat"\t☕.png',
                "size": 1,
                "type": "image/png",
                "views": 7,
                "maxViews": None,
                "favorite": True,
                "password": None,
                "userId": "u1",
                "folderId": "d1",
            }
        ],
    },
}

EXPORT_3 = {
    "versions": {"zipline": "3.7.10", "node": "v20", "export": "3"},
    "users": {"c1": {"username": "ann"}},
    "files": {
        "c9": {
            "name": "aB3dE.png",
            "original_name": "cat.png",
            "type": "image/png",
            "size": 1,
            "user": "c1",
            "views": 0,
            "expires_at": "2099-01-01T00:00:00.000Z",
            "created_at": "2022-02-03T04:05:06.789Z",
            "favorite": True,
        }
    },
    "folders": {"c4": {"name": "Seaside", "files": ["c9"], "user": "c1"}},
}

CAT_CREATED = datetime(2023, 4, 5, 6, 7, 8, tzinfo=UTC)
CAT_3_CREATED = datetime(2022, 2, 3, 4, 5, 6, tzinfo=UTC)
FAR = datetime(2099, 1, 1, tzinfo=UTC)
