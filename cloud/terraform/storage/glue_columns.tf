# The columns of each table, as in cloud/src/contract/schemas.py; a test compares the two. `quarter` is not among them: it
# is the partition, read from the path, and Athena refuses a column that is both.

locals {
  sentence_columns = [
    { name = "sentence_id", type = "string" },
    { name = "firm_id", type = "string" },
    { name = "firm_name", type = "string" },
    { name = "ticker", type = "string" },
    { name = "permno", type = "bigint" },
    { name = "gvkey", type = "string" },
    { name = "link_date", type = "date" },
    { name = "transcript_id", type = "string" },
    { name = "earnings_call_date", type = "date" },
    { name = "section", type = "string" },
    { name = "speaker_name", type = "string" },
    { name = "speaker_type", type = "string" },
    { name = "position", type = "int" },
    { name = "raw_text", type = "string" },
    { name = "cleaned_text", type = "string" },
    { name = "local_topic_id", type = "int" },
  ]

  firm_columns = [
    { name = "firm_id", type = "string" },
    { name = "firm_name", type = "string" },
    { name = "ticker", type = "string" },
    { name = "gvkey", type = "string" },
    { name = "permno", type = "bigint" },
    { name = "link_date", type = "date" },
    { name = "earnings_call_date", type = "date" },
    { name = "n_sentences", type = "int" },
    { name = "n_topics", type = "int" },
  ]

  topic_columns = [
    { name = "topic_id", type = "string" },
    { name = "firm_id", type = "string" },
    { name = "firm_name", type = "string" },
    { name = "local_topic_id", type = "int" },
    { name = "permno", type = "bigint" },
    { name = "gvkey", type = "string" },
    { name = "earnings_call_date", type = "date" },
    { name = "representation", type = "string" },
    { name = "keywords", type = "array<string>" },
    { name = "summary", type = "string" },
    { name = "naming_method", type = "string" },
    { name = "n_sentences", type = "int" },
    { name = "representative_sentence_ids", type = "array<string>" },
    { name = "embedding", type = "array<float>" },
    { name = "theme_id", type = "string" },
  ]

  theme_columns = [
    { name = "theme_id", type = "string" },
    { name = "name", type = "string" },
    { name = "description", type = "string" },
    { name = "naming_method", type = "string" },
    { name = "keywords", type = "array<string>" },
    { name = "n_topics", type = "int" },
    { name = "n_firms", type = "int" },
    { name = "n_sentences", type = "int" },
  ]

  theme_contribution_columns = [
    { name = "theme_id", type = "string" },
    { name = "firm_id", type = "string" },
    { name = "firm_name", type = "string" },
    { name = "permno", type = "bigint" },
    { name = "gvkey", type = "string" },
    { name = "earnings_call_date", type = "date" },
    { name = "topic_id", type = "string" },
    { name = "n_sentences", type = "int" },
  ]

  theme_for_sentiment_columns = [
    { name = "theme_id", type = "string" },
    { name = "theme_name", type = "string" },
    { name = "theme_description", type = "string" },
    { name = "theme_keywords", type = "array<string>" },
    { name = "firm_id", type = "string" },
    { name = "firm_name", type = "string" },
    { name = "ticker", type = "string" },
    { name = "permno", type = "bigint" },
    { name = "gvkey", type = "string" },
    { name = "link_date", type = "date" },
    { name = "earnings_call_date", type = "date" },
    { name = "topic_id", type = "string" },
    { name = "topic_summary", type = "string" },
    { name = "sentences", type = "array<struct<sentence_id:string,text:string,speaker_type:string,position:int>>" },
    { name = "n_sentences", type = "int" },
  ]
}
