// response_mode=form_post: send the form at once; without a script its button does the same.
document.querySelector("form[data-submit]").submit();
