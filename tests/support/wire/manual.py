"""The allowed forms of the server's commands, each described on a page of MongoDB's manual.

This is the list by which `strict.py` checks, and reviewers read it. Add a form here if its page says that
MongoDB 6, 7 and 8 accept it. Pages are relative to MANUAL; NAME is the form's name, without `$`.
"""

MANUAL = "https://www.mongodb.com/docs/manual/reference/"

# The driver sends these commands by itself. Page: command/hello/
HANDSHAKES = ("hello", "ismaster", "isMaster")

# Each command's fields, with the kind of those in which `strict.py` looks for names. Pages: command/NAME/
COMMANDS = {
    name: dict(field.partition(":")[::2] for field in fields.split())
    for name, fields in {
        "aggregate": "aggregate pipeline:pipeline cursor allowDiskUse explain hint",
        "buildInfo": "buildInfo",
        "count": "count query:query",
        "createIndexes": "createIndexes indexes:indexes",
        "delete": "delete deletes:deletes ordered",
        "distinct": "distinct key query:query",
        "drop": "drop",
        "dropDatabase": "dropDatabase",
        "dropIndexes": "dropIndexes index",
        "endSessions": "endSessions",
        "explain": "explain:command verbosity",
        "find": ("find filter:query projection:projection sort skip limit batchSize singleBatch hint"),
        "findAndModify": ("findAndModify query:query update:update upsert new fields:projection sort remove"),
        "getMore": "getMore collection batchSize",
        "insert": "insert documents ordered",
        "killCursors": "killCursors cursors",
        "listCollections": "listCollections filter:query nameOnly cursor",
        "listDatabases": "listDatabases nameOnly filter:query",
        "listIndexes": "listIndexes cursor",
        "ping": "ping",
        "update": "update updates:updates ordered",
    }.items()
}

# Fields that any command may have. Pages: mongodb-wire-protocol/, command/find/, server-sessions/,
# read-concern/ and write-concern/
COMMON = {
    *("$db", "$readPreference", "comment", "lsid", "txnNumber", "$clusterTime", "maxTimeMS"),
    *("readConcern", "writeConcern"),
}
# Commands that take a read concern or a write concern. A write takes a read concern only in a transaction, a
# read takes a write concern only with $out or $merge.
WITH_READ_CONCERN = ("aggregate", "count", "distinct", "find")  # read-concern/
WITH_WRITE_CONCERN = (  # write-concern/
    *("createIndexes", "delete", "drop", "dropDatabase", "dropIndexes", "findAndModify", "insert", "update"),
)
# A getMore has the time limit of the command that opened its cursor. Page: command/getMore/
WITHOUT_MAX_TIME = ("getMore",)
READ_CONCERNS = {"majority", "local"}  # read-concern-majority/, read-concern-local/
WRITE_CONCERNS = {"majority"}  # write-concern/

UPDATE_FIELDS = {"q", "u", "upsert", "multi"}  # command/update/
DELETE_FIELDS = {"q", "limit"}  # command/delete/

# A $currentOp is on a database, with `aggregate: 1`.
STAGES = {  # operator/aggregation/NAME/
    *("$addFields", "$count", "$group", "$limit", "$lookup", "$match", "$project"),
    *("$replaceRoot", "$replaceWith", "$set", "$skip", "$sort", "$unionWith", "$unset", "$unwind"),
}
# The stages that an update's pipeline may have. Page: method/db.collection.updateOne/
UPDATE_STAGES = {"$addFields", "$project", "$replaceRoot", "$replaceWith", "$set", "$unset"}

ACCUMULATORS = {"$addToSet", "$avg", "$first", "$max", "$min", "$push", "$sum"}  # operator/aggregation/NAME/
EXPRESSIONS = {  # operator/aggregation/NAME/
    *("$add", "$and", "$concat", "$concatArrays", "$cond", "$divide", "$eq", "$filter", "$gt", "$gte"),
    *("$ifNull", "$in", "$literal", "$lt", "$lte", "$max", "$mergeObjects", "$min", "$mod", "$multiply"),
    *("$ne", "$not", "$or", "$setUnion", "$size", "$slice", "$subtract", "$toLong", "$type"),
}
# Page: aggregation-variables/. `this` is the variable of a $filter without `as`. REMOVE, used as an
# expression, leaves a field out (SERVER-27614).
VARIABLES = {"NOW", "REMOVE", "ROOT", "this"}

QUERY_OPERATORS = {  # operator/query/NAME/
    *("$elemMatch", "$eq", "$all", "$exists", "$gt", "$gte", "$in", "$lt", "$lte", "$ne", "$nin"),
    *("$not", "$regex"),
}
# In the filter of an upsert, mongod refuses $expr (error 224).
LOGICAL_QUERY_OPERATORS = {"$and", "$expr", "$nor", "$or"}  # operator/query/NAME/
UPDATE_OPERATORS = {  # operator/update/NAME/
    *("$addToSet", "$inc", "$max", "$min", "$pull", "$push", "$rename", "$set", "$setOnInsert", "$unset")
}

INDEX_OPTIONS = {  # command/createIndexes/
    *("key", "name", "unique", "sparse", "partialFilterExpression", "expireAfterSeconds")
}
# Operators that a partial index's filter may have. Page: https://www.mongodb.com/docs/manual/core/index-partial/
PARTIAL_FILTER_OPERATORS = {"$eq", "$exists", "$gt", "$gte", "$lt", "$lte"}
