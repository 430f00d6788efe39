# An Athena view is a Glue table whose text is a comment with the query in it, as JSON in base64.
# https://docs.aws.amazon.com/athena/latest/ug/views.html

locals {
  # View -> the file it picks and its columns.
  views = {
    themes              = { file = "themes.parquet", columns = local.theme_columns }
    theme_contributions = { file = "theme_contributions.parquet", columns = local.theme_contribution_columns }
  }

  view_columns = { for name, view in local.views : name => concat(view.columns, [{ name = "quarter", type = "string" }]) }

  # Glue has the names that Hive uses for types, the query engine its own.
  engine_types = { string = "varchar", int = "integer", bigint = "bigint", date = "date", "array<string>" = "array(varchar)" }

  view_queries = {
    for name, view in local.views : name => join(" ", [
      "SELECT ${join(", ", local.view_columns[name][*].name)}",
      "FROM ${local.database}.theme_files",
      "WHERE \"$path\" LIKE '%/${view.file}'",
    ])
  }
}

resource "aws_glue_catalog_table" "view" {
  for_each = local.views

  name          = each.key
  database_name = aws_glue_catalog_database.ftm.name
  table_type    = "VIRTUAL_VIEW"

  parameters = {
    presto_view = "true"
    comment     = "Presto View"
  }

  view_expanded_text = "/* Presto View */"
  view_original_text = format("/* Presto View: %s */", base64encode(jsonencode({
    catalog     = "awsdatacatalog"
    schema      = local.database
    columns     = [for column in local.view_columns[each.key] : { name = column.name, type = local.engine_types[column.type] }]
    originalSql = local.view_queries[each.key]
  })))

  storage_descriptor {
    dynamic "columns" {
      for_each = local.view_columns[each.key]
      content {
        name = columns.value.name
        type = columns.value.type
      }
    }

    # A view has no files to read; Athena still refuses it (HIVE_METASTORE_ERROR) when these are not there at all.
    ser_de_info {
      name                  = "-"
      serialization_library = "-"
    }
  }

  depends_on = [aws_glue_catalog_table.this]
}
