# The algorithm gan in R, by H2O's own R package:
#
#   library(h2o)
#   source("h2o_gan.R")  # `h2o-gan extension` prints its path
#   h2o.init(startH2O = FALSE)
#
# The cluster needs the h2o_gan extension. What it trains are models of H2O, which h2o.getModel, h2o.saveModel,
# h2o.loadModel, h2o.scoreHistory and others take.

#' Trains a GAN
#'
#' A generative model of the rows of a frame. A worker trains it: `h2o-gan worker --url
#' http://localhost:54321`.
#'
#' @param x Names or numbers of the columns to model; all by default.
#' @param y Name or number of a column to model as categorical, for example the label of images.
#' @param training_frame An H2OFrame, or its id.
#' @param ... Any parameter that the cluster lists for `gan`: model_id, epochs, seed, max_runtime_secs,
#'        validation_frame, constraints, checkpoint and others. Dicts are lists: `column_types =
#'        list(zip = "categorical")`. Several texts are a vector: `constraints = c("start <= end",
#'        "age >= 18")`. A checkpoint is a model or its id.
#' @param verbose Whether to print the progress of the training.
#' @return A model of H2O. `model@model$column_summary` says how each column was understood,
#'         `model@model$relation_summary` what holds between columns.
#' @examples
#' \dontrun{
#' prostate <- h2o.uploadFile(system.file("extdata", "prostate.csv", package = "h2o"))
#' gan <- h2o.gan(x = 2:9, training_frame = prostate, epochs = 100, seed = 1)
#' }
h2o.gan <- function(x, y, training_frame, ..., verbose = FALSE) {
  training_frame <- h2o:::.validate.H2OFrame(training_frame, required = TRUE)
  declared <- h2o:::.h2o.getModelParameters("gan")
  types <- vapply(declared, `[[`, "", "type")
  names(types) <- vapply(declared, `[[`, "", "name")
  parms <- list(...)
  unknown <- setdiff(names(parms), names(types))
  if (length(parms) > 0 && is.null(names(parms))) unknown <- ""
  if (length(unknown) > 0) {
    stop("h2o.gan has no parameter '", unknown[1], "'; it has ", paste(sort(names(types)), collapse = ", "))
  }
  for (name in names(parms)) parms[[name]] <- .gan_parameter(parms[[name]], types[[name]])
  parms$training_frame <- training_frame
  if (!missing(y)) parms$response_column <- h2o:::.verify_datacols(training_frame, y)$cols
  if (!missing(x)) {
    ignored <- h2o:::.verify_datacols(training_frame, x)$cols_ignore
    parms$ignored_columns <- setdiff(ignored, c("", parms$response_column, parms$weights_column))
  }
  if (length(parms$ignored_columns) == 0) parms$ignored_columns <- NULL
  h2o:::.h2o.modelJob("gan", parms, h2oRestApiVersion = 3, verbose = verbose)
}

#' Generates rows
#'
#' @param model A GAN, or its id.
#' @param n Number of rows.
#' @param conditions What every row has to meet: a list from columns to a value, several values, a
#'        range, or NA for missing. A vector of two numbers or times is a range, both ends included
#'        and infinite ones without bound; several numbers are a list: `list(age = c(30, 40), colour =
#'        "red", city = c("Brno", "Praha"), rooms = list(2, 4))`.
#' @param balance Name of a categorical column whose levels shall occur in equal numbers.
#' @param temperature Less than 1 for more typical rows, more for more varied ones.
#' @param seed The same seed gives the same rows. NULL draws one.
#' @param destination_frame Id of the new frame. NULL makes one.
#' @param ... Other keys of the request that h2o_gan's REST API lists.
#' @return An H2OFrame with the columns, types and levels of the training frame.
#' @examples
#' \dontrun{
#' synthetic <- h2o.gan_generate(gan, 1000, conditions = list(AGE = c(60, 70)), seed = 1)
#' }
h2o.gan_generate <- function(model, n, conditions = NULL, balance = NULL, temperature = 1, seed = NULL,
                             destination_frame = NULL, ...) {
  .gan_job(model, "generate", rows = n, conditions = .gan_conditions(conditions), balance = balance,
           temperature = temperature, seed = seed, destination_frame = destination_frame, ...)
}

#' Fills missing values
#'
#' @param model A GAN, or its id.
#' @param data An H2OFrame with the training columns, or its id.
#' @param method "draw" draws the missing values, given all others of the row.
#' @param seed The same seed gives the same values. NULL draws one.
#' @param destination_frame Id of the new frame. NULL makes one.
#' @return An H2OFrame. The values that were there are kept.
#' @examples
#' \dontrun{
#' completed <- h2o.gan_impute(gan, prostate, seed = 1)
#' }
h2o.gan_impute <- function(model, data, method = "draw", seed = NULL, destination_frame = NULL) {
  data <- h2o:::.validate.H2OFrame(data, required = TRUE)
  .gan_job(model, "impute", frame = h2o.getId(data), method = method, seed = seed,
           destination_frame = destination_frame)
}

# A job of the cluster that makes a frame, and that frame.
.gan_job <- function(model, action, ...) {
  id <- if (is(model, "H2OModel")) model@model_id else model
  parms <- Filter(Negate(is.null), list(...))
  parms <- lapply(parms, function(value) if (is.character(value)) value else .gan_json(value))
  path <- paste("GAN/models", utils::URLencode(id, reserved = TRUE), action, sep = "/")
  answer <- h2o:::.h2o.__remoteSend(path, method = "POST", .params = parms)
  h2o:::.h2o.__waitOnJob(answer$job$key$name)
  h2o.getFrame(answer$job$dest$name)
}

# A parameter of a training as the cluster takes it.
.gan_parameter <- function(value, type) {
  if (is(value, "H2OModel")) value@model_id
  else if (type != "string") value
  else if (is.list(value) || !is.null(names(value))) .gan_json(as.list(value))
  else paste(value, collapse = "; ")
}

.gan_conditions <- function(conditions) {
  if (is.null(conditions)) return(NULL)
  if (!is.list(conditions) || is.null(names(conditions))) {
    stop("conditions must be a list with the names of columns, for example list(age = c(30, 40), colour = \"red\")")
  }
  .gan_json(lapply(conditions, function(value) {
    if (is.list(value) || !is.numeric(value) && !inherits(value, c("Date", "POSIXct"))) return(value)
    if (length(value) > 2) stop("conditions: several numbers are a list, for example list(age = list(30, 40, 50))")
    if (length(value) == 2) Filter(is.finite, list(low = value[[1]], high = value[[2]])) else value
  }))
}

# JSON with all digits of numbers, of which jsonlite writes at most 15. Vectors of one are single values, and times are
# milliseconds since 1970.
.gan_json <- function(value) {
  if (inherits(value, c("Date", "POSIXct"))) value <- round(1000 * as.numeric(as.POSIXct(value)))
  if (length(value) > 1 || is.list(value)) {
    items <- vapply(value, .gan_json, "")
    if (is.null(names(value))) paste0("[", paste(items, collapse = ","), "]")
    else paste0("{", paste(sprintf("%s:%s", vapply(names(value), .gan_json, ""), items), collapse = ","), "}")
  }
  else if (is.null(value) || is.na(value)) "null"
  else if (is.numeric(value)) sprintf("%.17g", value)
  else if (is.logical(value)) tolower(value)
  else as.character(jsonlite::toJSON(as.character(value), auto_unbox = TRUE))
}
