"""The allowed forms of the server's commands, each with the page of MongoDB's manual that describes it.

This is the strict wire's list, and reviewers read it. Add a form here if its page says that MongoDB 6, 7 and
8 accept it. Pages are relative to MANUAL.
"""

from __future__ import annotations

MANUAL = "https://www.mongodb.com/docs/manual/reference/"

# The driver sends these by itself: command/hello/
HANDSHAKES = ("hello", "ismaster", "isMaster")

# A command's page, and its fields with the kind of each; `strict.py` knows the kinds.
COMMANDS: dict[str, tuple[str, dict[str, str]]] = {
    "aggregate": (
        "command/aggregate/",
        {
            "aggregate": "target",
            "pipeline": "pipeline",
            "cursor": "any",
            "allowDiskUse": "bool",
            "explain": "bool",
            "hint": "any",
        },
    ),
    "buildInfo": ("command/buildInfo/", {"buildInfo": "any"}),
    "collStats": ("command/collStats/", {"collStats": "name"}),
    "count": ("command/count/", {"count": "name", "query": "query"}),
    "createIndexes": ("command/createIndexes/", {"createIndexes": "name", "indexes": "indexes"}),
    "delete": ("command/delete/", {"delete": "name", "deletes": "deletes", "ordered": "bool"}),
    "distinct": ("command/distinct/", {"distinct": "name", "key": "name", "query": "query"}),
    "drop": ("command/drop/", {"drop": "name"}),
    "dropDatabase": ("command/dropDatabase/", {"dropDatabase": "any"}),
    "dropIndexes": ("command/dropIndexes/", {"dropIndexes": "name", "index": "any"}),
    "enableSharding": ("command/enableSharding/", {"enableSharding": "name"}),
    "endSessions": ("command/endSessions/", {"endSessions": "any"}),
    "explain": ("command/explain/", {"explain": "command", "verbosity": "name"}),
    "find": (
        "command/find/",
        {
            "find": "name",
            "filter": "query",
            "projection": "projection",
            "sort": "sort",
            "skip": "count",
            "limit": "count",
            "batchSize": "count",
            "singleBatch": "bool",
            "hint": "any",
        },
    ),
    "findAndModify": (
        "command/findAndModify/",
        {
            "findAndModify": "name",
            "query": "query",
            "update": "update",
            "upsert": "bool",
            "new": "bool",
            "fields": "projection",
            "sort": "sort",
            "remove": "bool",
        },
    ),
    "getMore": ("command/getMore/", {"getMore": "any", "collection": "name", "batchSize": "count"}),
    "insert": ("command/insert/", {"insert": "name", "documents": "any", "ordered": "bool"}),
    "killCursors": ("command/killCursors/", {"killCursors": "name", "cursors": "any"}),
    "listCollections": (
        "command/listCollections/",
        {"listCollections": "any", "filter": "query", "nameOnly": "bool", "cursor": "any"},
    ),
    "listDatabases": (
        "command/listDatabases/",
        {"listDatabases": "any", "nameOnly": "bool", "filter": "query"},
    ),
    "listIndexes": ("command/listIndexes/", {"listIndexes": "name", "cursor": "any"}),
    "shardCollection": ("command/shardCollection/", {"shardCollection": "name", "key": "any"}),
    "ping": ("command/ping/", {"ping": "any"}),
    "update": ("command/update/", {"update": "name", "updates": "updates", "ordered": "bool"}),
}

# Fields that any command may have.
COMMON = {
    "$db": "mongodb-wire-protocol/",
    "$readPreference": "mongodb-wire-protocol/",
    "comment": "command/find/",
    "lsid": "server-sessions/",
    "txnNumber": "server-sessions/",
    "$clusterTime": "server-sessions/",
    "maxTimeMS": "command/find/",
    "readConcern": "read-concern/",
    "writeConcern": "write-concern/",
}
# Commands that take a read concern or a write concern. A write takes a read concern only in a transaction, a
# read takes a write concern only with $out or $merge.
WITH_READ_CONCERN = ("aggregate", "count", "distinct", "find")  # read-concern/
WITH_WRITE_CONCERN = (  # write-concern/
    *("createIndexes", "delete", "drop", "dropDatabase", "dropIndexes", "findAndModify", "insert", "update"),
)
# A getMore has the time limit of the command that opened its cursor: command/getMore/
WITHOUT_MAX_TIME = ("getMore",)
READ_CONCERNS = {"majority": "read-concern-majority/", "local": "read-concern-local/"}
WRITE_CONCERNS = {"majority": "write-concern/"}

UPDATE_FIELDS = {"q", "u", "upsert", "multi"}  # command/update/
DELETE_FIELDS = {"q", "limit"}  # command/delete/

STAGES = {
    "$addFields": "operator/aggregation/addFields/",
    "$currentOp": "operator/aggregation/currentOp/",  # on a database, with `aggregate: 1`
    "$count": "operator/aggregation/count/",
    "$group": "operator/aggregation/group/",
    "$limit": "operator/aggregation/limit/",
    "$lookup": "operator/aggregation/lookup/",
    "$match": "operator/aggregation/match/",
    "$project": "operator/aggregation/project/",
    "$replaceRoot": "operator/aggregation/replaceRoot/",
    "$replaceWith": "operator/aggregation/replaceWith/",
    "$set": "operator/aggregation/set/",
    "$skip": "operator/aggregation/skip/",
    "$sort": "operator/aggregation/sort/",
    "$unionWith": "operator/aggregation/unionWith/",
    "$unset": "operator/aggregation/unset/",
    "$unwind": "operator/aggregation/unwind/",
}
# The stages that an update's pipeline may have: method/db.collection.updateOne/
UPDATE_STAGES = {"$addFields", "$project", "$replaceRoot", "$replaceWith", "$set", "$unset"}

ACCUMULATORS = {
    "$addToSet": "operator/aggregation/addToSet/",
    "$avg": "operator/aggregation/avg/",
    "$first": "operator/aggregation/first/",
    "$max": "operator/aggregation/max/",
    "$min": "operator/aggregation/min/",
    "$push": "operator/aggregation/push/",
    "$sum": "operator/aggregation/sum/",
}
EXPRESSIONS = {
    "$add": "operator/aggregation/add/",
    "$and": "operator/aggregation/and/",
    "$concat": "operator/aggregation/concat/",
    "$concatArrays": "operator/aggregation/concatArrays/",
    "$cond": "operator/aggregation/cond/",
    "$divide": "operator/aggregation/divide/",
    "$eq": "operator/aggregation/eq/",
    "$filter": "operator/aggregation/filter/",
    "$gt": "operator/aggregation/gt/",
    "$gte": "operator/aggregation/gte/",
    "$ifNull": "operator/aggregation/ifNull/",
    "$in": "operator/aggregation/in/",
    "$literal": "operator/aggregation/literal/",
    "$lt": "operator/aggregation/lt/",
    "$lte": "operator/aggregation/lte/",
    "$max": "operator/aggregation/max/",
    "$mergeObjects": "operator/aggregation/mergeObjects/",
    "$min": "operator/aggregation/min/",
    "$mod": "operator/aggregation/mod/",
    "$multiply": "operator/aggregation/multiply/",
    "$ne": "operator/aggregation/ne/",
    "$not": "operator/aggregation/not/",
    "$or": "operator/aggregation/or/",
    "$size": "operator/aggregation/size/",
    "$subtract": "operator/aggregation/subtract/",
    "$toLong": "operator/aggregation/toLong/",
    "$type": "operator/aggregation/type/",
}
VARIABLES = {
    "NOW": "aggregation-variables/",
    "REMOVE": "aggregation-variables/",  # as an expression, it leaves the field out (SERVER-27614)
    "ROOT": "aggregation-variables/",
    "this": "operator/aggregation/filter/",  # the variable of a $filter without `as`
}

QUERY_OPERATORS = {
    "$elemMatch": "operator/query/elemMatch/",
    "$eq": "operator/query/eq/",
    "$all": "operator/query/all/",
    "$exists": "operator/query/exists/",
    "$gt": "operator/query/gt/",
    "$gte": "operator/query/gte/",
    "$in": "operator/query/in/",
    "$lt": "operator/query/lt/",
    "$lte": "operator/query/lte/",
    "$ne": "operator/query/ne/",
    "$nin": "operator/query/nin/",
    "$not": "operator/query/not/",
    "$regex": "operator/query/regex/",
}
LOGICAL_QUERY_OPERATORS = {
    "$and": "operator/query/and/",
    "$expr": "operator/query/expr/",  # not in an upsert's filter, which mongod refuses with 224
    "$nor": "operator/query/nor/",
    "$or": "operator/query/or/",
}
UPDATE_OPERATORS = {
    "$addToSet": "operator/update/addToSet/",
    "$inc": "operator/update/inc/",
    "$max": "operator/update/max/",
    "$min": "operator/update/min/",
    "$pull": "operator/update/pull/",
    "$push": "operator/update/push/",
    "$rename": "operator/update/rename/",
    "$set": "operator/update/set/",
    "$setOnInsert": "operator/update/setOnInsert/",
    "$unset": "operator/update/unset/",
}

INDEX_OPTIONS = {
    "key": "command/createIndexes/",
    "name": "command/createIndexes/",
    "unique": "command/createIndexes/",
    "sparse": "command/createIndexes/",
    "partialFilterExpression": "command/createIndexes/",
    "expireAfterSeconds": "command/createIndexes/",
}
# Operators that a partial index's filter may have: https://www.mongodb.com/docs/manual/core/index-partial/
PARTIAL_FILTER_OPERATORS = {"$eq", "$exists", "$gt", "$gte", "$lt", "$lte"}
