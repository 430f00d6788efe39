locals {
  database = "ftm"

  # Table -> folder and columns. prefetch/transcripts/ has none: its folders hold JSON files beside the Parquet files, on
  # which Athena fails, and `sentences` has the same sentences with their topic.
  tables = {
    firms                       = { prefix = "processed/firms/", columns = local.firm_columns }
    calls                       = { prefix = "processed/calls/", columns = local.call_columns }
    sentences                   = { prefix = "processed/sentences/", columns = local.sentence_columns }
    topics                      = { prefix = "processed/topics/", columns = local.topic_columns }
    themes                      = { prefix = "processed/themes/", columns = local.theme_columns }
    theme_contributions         = { prefix = "processed/theme_contributions/", columns = local.theme_contribution_columns }
    exposures                   = { prefix = "processed/exposures/", columns = local.exposure_columns }
    evidence                    = { prefix = "processed/evidence/", columns = local.evidence_columns }
    themes_for_sentiment        = { prefix = "sentiment-ready/", columns = local.theme_for_sentiment_columns }
    intermediate_firm_topics    = { prefix = "intermediate/firm-topics/", columns = local.topic_columns }
    intermediate_firm_sentences = { prefix = "intermediate/firm-sentences/", columns = local.sentence_vector_columns }
  }

  quarters = flatten([
    for year in range(var.first_year, var.last_year + 1) : [for number in range(1, 5) : "${year}Q${number}"]
  ])
}

resource "aws_glue_catalog_database" "ftm" {
  name        = local.database
  description = "Topics and themes of earnings calls."
}

resource "aws_glue_catalog_table" "this" {
  for_each = local.tables

  name          = each.key
  database_name = aws_glue_catalog_database.ftm.name
  table_type    = "EXTERNAL_TABLE"

  # Projection: Athena computes the partitions instead of having them listed by a crawler after every run.
  parameters = {
    EXTERNAL                    = "TRUE"
    classification              = "parquet"
    "projection.enabled"        = "true"
    "projection.quarter.type"   = "enum"
    "projection.quarter.values" = join(",", local.quarters)
  }

  partition_keys {
    name = "quarter"
    type = "string"
  }

  storage_descriptor {
    location      = "s3://${aws_s3_bucket.pipeline.id}/${each.value.prefix}"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }

    dynamic "columns" {
      for_each = each.value.columns
      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }
}

# These were views. They are moved because Glue refuses a new table while the old one still has its name.
moved {
  from = aws_glue_catalog_table.view["themes"]
  to   = aws_glue_catalog_table.this["themes"]
}

moved {
  from = aws_glue_catalog_table.view["theme_contributions"]
  to   = aws_glue_catalog_table.this["theme_contributions"]
}
