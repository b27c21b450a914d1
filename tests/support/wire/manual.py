"""The allowed forms of the server's commands, each described on a page of MongoDB's manual.

This is the strict wire's list, and reviewers read it. Add a form here if its page says that MongoDB 6, 7 and
8 accept it. Pages are relative to MANUAL; NAME is the form's name, without `$`.
"""

MANUAL = "https://www.mongodb.com/docs/manual/reference/"

# The driver sends these commands by itself. Page: command/hello/
HANDSHAKES = ("hello", "ismaster", "isMaster")

# Each command's fields with the kind of each; `strict.py` knows the kinds. Pages: command/NAME/
COMMANDS = {
    name: dict(field.split(":") for field in fields.split())
    for name, fields in {
        "aggregate": "aggregate:target pipeline:pipeline cursor:any allowDiskUse:bool explain:bool hint:any",
        "buildInfo": "buildInfo:any",
        "count": "count:name query:query",
        "createIndexes": "createIndexes:name indexes:indexes",
        "delete": "delete:name deletes:deletes ordered:bool",
        "distinct": "distinct:name key:name query:query",
        "drop": "drop:name",
        "dropDatabase": "dropDatabase:any",
        "dropIndexes": "dropIndexes:name index:any",
        "endSessions": "endSessions:any",
        "explain": "explain:command verbosity:name",
        "find": (
            "find:name filter:query projection:projection sort:sort skip:count limit:count "
            "batchSize:count singleBatch:bool hint:any"
        ),
        "findAndModify": (
            "findAndModify:name query:query update:update upsert:bool new:bool fields:projection "
            "sort:sort remove:bool"
        ),
        "getMore": "getMore:any collection:name batchSize:count",
        "insert": "insert:name documents:any ordered:bool",
        "killCursors": "killCursors:name cursors:any",
        "listCollections": "listCollections:any filter:query nameOnly:bool cursor:any",
        "listDatabases": "listDatabases:any nameOnly:bool filter:query",
        "listIndexes": "listIndexes:name cursor:any",
        "ping": "ping:any",
        "update": "update:name updates:updates ordered:bool",
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
    *("$addFields", "$currentOp", "$count", "$group", "$limit", "$lookup", "$match", "$project"),
    *("$replaceRoot", "$replaceWith", "$set", "$skip", "$sort", "$unionWith", "$unset", "$unwind"),
}
# The stages that an update's pipeline may have. Page: method/db.collection.updateOne/
UPDATE_STAGES = {"$addFields", "$project", "$replaceRoot", "$replaceWith", "$set", "$unset"}

ACCUMULATORS = {"$addToSet", "$avg", "$first", "$max", "$min", "$push", "$sum"}  # operator/aggregation/NAME/
EXPRESSIONS = {  # operator/aggregation/NAME/
    *("$add", "$and", "$concat", "$concatArrays", "$cond", "$divide", "$eq", "$filter", "$gt", "$gte"),
    *("$ifNull", "$in", "$literal", "$lt", "$lte", "$max", "$mergeObjects", "$min", "$mod", "$multiply"),
    *("$ne", "$not", "$or", "$setUnion", "$size", "$subtract", "$toLong", "$type"),
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
